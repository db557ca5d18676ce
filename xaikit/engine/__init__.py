"""The engine: data into full batches, compiled steps, and the loop over them."""
