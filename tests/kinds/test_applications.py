"""The layer that class activation maps read by default, in every family of keras.applications."""

import re

import keras
import pytest

from xaikit.inspection import default_layer, find_layer, tap

# The names of some layers are counted anew with each model in a process: a pattern stands for those.
EXPECTED = {
    "VGG16": ("block5_conv3", (14, 14, 512)),  # not the pooling after it
    "ResNet50": ("conv5_block3_out", (7, 7, 2048)),
    "ResNet50V2": ("post_relu", (7, 7, 2048)),
    "InceptionV3": ("mixed10", (8, 8, 2048)),
    "InceptionResNetV2": ("conv_7b_ac", (8, 8, 1536)),
    "Xception": ("block14_sepconv2_act", (10, 10, 2048)),  # not the shortcut's convolution
    "MobileNet": ("conv_pw_13_relu", (7, 7, 1024)),  # not the convolution of 1 x 1 maps after the pooling
    "MobileNetV2": ("out_relu", (7, 7, 1280)),
    "MobileNetV3Small": (r"activation(_\d+)?", (None, None, 576)),  # likewise
    "DenseNet121": ("relu", (7, 7, 1024)),  # not the last convolution, of 32 of these features
    "NASNetMobile": (r"activation(_\d+)?", (7, 7, 1056)),
    "EfficientNetB0": ("top_activation", (7, 7, 1280)),
    "EfficientNetV2B0": ("top_activation", (7, 7, 1280)),
    "ConvNeXtTiny": ("convnext_tiny_stage_3_block_2_layer_scale", (7, 7, 768)),
}


@pytest.mark.parametrize("family", EXPECTED)
def test_the_last_layer_with_positions_is_found(family):
    name, shape = EXPECTED[family]
    model = getattr(keras.applications, family)(weights=None, classes=4)
    found = default_layer(model)

    assert re.fullmatch(name, found)
    layer = find_layer(model, found)
    assert tuple(layer.output.shape[1:]) == shape


def test_it_is_found_in_a_backbone_that_was_put_into_another_model():
    backbone = keras.applications.MobileNet(weights=None, include_top=False, input_shape=(64, 64, 3))
    inputs = keras.Input((64, 64, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(inputs))
    model = keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(keras.layers.Dropout(0.2)(pooled)))
    found = default_layer(model)

    assert found == f"{backbone.name}/conv_pw_13_relu"
    assert callable(tap(model, found))
