"""Types of ops by what they are as functions of those of their inputs that vary: linear, products, elementwise."""

# Linear in all inputs that hold numbers together: where some of them are constant, these are what is added.
SUMS = frozenset({"AddV2", "Add", "AddN", "Sub", "BiasAdd", "ConcatV2", "Pack", "PadV2", "SelectV2", "Select"})

# Linear in one input; the others, such as axes and paddings, say how.
MOVES = frozenset(
    {
        *("Identity", "Snapshot", "EnsureShape", "CheckNumerics", "Cast", "Neg", "BroadcastTo", "Tile"),
        *("Reshape", "Squeeze", "ExpandDims", "Transpose", "Pad", "MirrorPad", "ReverseV2", "Roll"),
        *("Slice", "StridedSlice", "Split", "SplitV", "Unpack", "GatherV2", "GatherNd"),
        *("SpaceToBatchND", "BatchToSpaceND", "SpaceToDepth", "DepthToSpace"),
        *("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ScaleAndTranslate"),
        *("Sum", "Mean", "Cumsum", "AvgPool", "AvgPool3D"),
    }
)

# Linear in its first input, with a constant that is added: in inference mode, where the statistics are weights.
NORMALIZATION = "FusedBatchNormV3"

# Linear in each of the inputs that hold numbers, by themselves.
PRODUCTS = frozenset(
    {
        *("Mul", "MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"),
        *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2"),
    }
)

QUOTIENTS = frozenset({"RealDiv", "DivNoNan"})

SQUARES = frozenset({"Square", "SquaredDifference"})

# One number to one number, with a slope.
CURVES = frozenset(
    {
        *("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Softplus", "Softsign", "Sigmoid", "Tanh", "Abs"),
        *("Exp", "Expm1", "Log", "Log1p", "Sqrt", "Rsqrt", "Reciprocal", "Inv", "Erf", "Erfc", "Erfinv", "Pow"),
        *("Sin", "Cos", "Tan", "Sinh", "Cosh", "Asinh", "Atan", "Maximum", "Minimum"),
    }
)

# One number to one answer, without a slope: they choose between curves.
STEPS = frozenset(
    {
        *("Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "Sign", "Floor", "Ceil", "Round"),
        *("LogicalAnd", "LogicalOr", "LogicalNot"),
    }
)

# Value by value: what activations are written in.
ELEMENTWISE = CURVES | STEPS | QUOTIENTS | SQUARES | {"Mul", "AddV2", "Add", "Sub", "SelectV2", "Select", "Neg", "Cast"}
ELEMENTWISE |= {"Identity", "IdentityN", "StopGradient"}

# Besides, what normalisations are written in: they average, and stretch what was averaged.
NORMALIZING = ELEMENTWISE | {"Sum", "Mean", "Reshape", "Squeeze", "ExpandDims", "Transpose", "BroadcastTo", "Tile"}

# Of degree 1: twice the input is twice the output, without being linear.
HOMOGENEOUS = frozenset({"Relu", "LeakyRelu", "Abs", "MaxPool", "MaxPool3D", "Max", "Min"})
EXTREMES = frozenset({"Maximum", "Minimum"})  # the same, of inputs that both vary
