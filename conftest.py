"""Two logical CPUs for every test that uses TensorFlow: replicas are tested without a second device.

TensorFlow takes this only before it runs anything, so it is said as soon as a collected module has imported it; a run
that collects no such module does not pay for the import.
"""

import sys


def pytest_collectstart():
    """Look after each module's import."""
    _split_cpu()


def pytest_collection_finish():
    """Look after the last one's."""
    _split_cpu()


def _split_cpu(done=[]):  # noqa: B006
    tf = sys.modules.get("tensorflow")
    if done or not hasattr(tf, "config"):
        return
    done.append(True)
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
