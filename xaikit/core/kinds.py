"""Types of ops, by what relevance does at them. What is in none of these sets has no rule."""

# Lines through 0, on each side of it: an output is the sum of slope times input, so that the op's own gradient is the
# rule. They move, add up, scale, or hand on the largest; a shift keeps its share, as a bias does.
PLAIN = frozenset(
    "Identity IdentityN Snapshot Cast CheckNumerics PreventGradient EnsureShape Reshape Squeeze ExpandDims Transpose "
    "Pad PadV2 MirrorPad ConcatV2 Concat Pack Unpack Split SplitV StridedSlice Slice Gather GatherV2 GatherNd Tile "
    "BroadcastTo ReverseV2 Roll SpaceToDepth DepthToSpace SpaceToBatchND BatchToSpaceND ResizeNearestNeighbor "
    "ResizeBilinear Select SelectV2 MaxPool MaxPool3D Max Min Maximum Minimum AvgPool AvgPool3D Mean Sum AddN AddV2 "
    "Add Sub Neg Mul RealDiv BiasAdd FusedBatchNormV3 Relu LeakyRelu Abs Softmax LogSoftmax".split()
)

# One number in, one out: all relevance of the output is the input's.
FUNCTIONS = frozenset(
    "Relu6 Elu Selu Softplus Softsign Tanh Sigmoid Erf Erfc Exp Expm1 Log1p Sqrt Square Pow Maximum Minimum".split()
)

# Linear in each of two inputs: a layer where one of them is made of weights, a product where both are features.
CONVOLUTIONS = frozenset("Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInputV2".split())
BILINEAR = CONVOLUTIONS | {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
PRODUCTS = BILINEAR | {"Mul"}

# What normalises is a number: the deviation, the length, the sum of a softmax that is written out.
NUMBERS = frozenset({"Rsqrt", "StopGradient"})

AFFINE = frozenset({"BiasAdd", "AddV2", "Add", "Sub", "Mul", "RealDiv", "Neg", "FusedBatchNormV3"})
SHIFTS = frozenset({"BiasAdd", "AddV2", "Add"})
MOVES = frozenset("Identity Cast Reshape Squeeze ExpandDims Transpose".split())
PADS = frozenset({"Pad", "PadV2"})
VALUE_BY_VALUE = FUNCTIONS | AFFINE | {"Identity", "Cast", "Relu", "LeakyRelu", "Abs"}

# Never below 0, whatever goes in; and what gives nothing below 0 where nothing below 0 goes in.
RECTIFIED = frozenset("Relu Relu6 Sigmoid Softmax Softplus Exp Square Sqrt Abs".split())
KEEP_SIGN = MOVES | frozenset("Pad MaxPool MaxPool3D Max AvgPool AvgPool3D Mean Sum AddV2 ConcatV2 StridedSlice".split())
