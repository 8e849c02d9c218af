"""The training function and what it is given: `train(config, data, world, link)`."""
