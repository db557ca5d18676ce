"""Types of ops, by what relevance does at them. What is in none of these sets has no rule."""


def _types(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Lines through 0, on each side of it: an output is the sum of slope times input, so that the op's own gradient is the
# rule. They move, add up, scale, or hand on the largest; a shift keeps its share, as a bias does.
PLAIN = _types(
    "Identity IdentityN Snapshot Cast CheckNumerics PreventGradient EnsureShape Reshape Squeeze ExpandDims Transpose "
    "Pad PadV2 MirrorPad ConcatV2 Concat Pack Unpack Split SplitV StridedSlice Slice Gather GatherV2 GatherNd Tile "
    "BroadcastTo ReverseV2 Roll SpaceToDepth DepthToSpace SpaceToBatchND BatchToSpaceND ResizeNearestNeighbor "
    "ResizeBilinear Select SelectV2 MaxPool MaxPool3D Max Min Maximum Minimum AvgPool AvgPool3D Mean Sum AddN AddV2 "
    "Add Sub Neg Mul RealDiv BiasAdd FusedBatchNormV3 Relu LeakyRelu Abs Softmax LogSoftmax"
)

# One number in, one out: all relevance of the output is the input's.
FUNCTIONS = _types(
    "Relu6 Elu Selu Softplus Softsign Tanh Sigmoid Erf Erfc Exp Expm1 Log1p Sqrt Square Pow Maximum Minimum"
)

# Linear in each of two inputs: a layer where one of them is made of weights, a product where both are features.
CONVOLUTIONS = _types("Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInputV2")
BILINEAR = CONVOLUTIONS | _types("MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum")
PRODUCTS = BILINEAR | {"Mul"}

# Numbers, that get nothing: what normalises (the deviation, the length), and what does not change with its input.
NUMBERS = _types("Rsqrt StopGradient ZerosLike OnesLike")

RECTIFIERS = _types("Relu Relu6")  # what goes in and what comes out are of one sign, or nothing comes out

AFFINE = _types("BiasAdd AddV2 Add Sub Mul RealDiv Neg FusedBatchNormV3")
SHIFTS = _types("BiasAdd AddV2 Add")
MOVES = _types("Identity Cast Reshape Squeeze ExpandDims Transpose")
BY_NUMBER = AFFINE | {"Identity", "Cast"}
PADS = _types("Pad PadV2")
VALUE_BY_VALUE = FUNCTIONS | AFFINE | _types("Identity Cast Relu LeakyRelu Abs")

# Never below 0, whatever goes in; and what gives nothing below 0 where nothing below 0 goes in.
RECTIFIED = _types("Relu Relu6 Sigmoid Softmax Softplus Exp Square Sqrt Abs")
KEEP_SIGN = MOVES | _types("Pad MaxPool MaxPool3D Max AvgPool AvgPool3D Mean Sum AddV2 ConcatV2 StridedSlice")
