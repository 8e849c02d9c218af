"""What training does to images and labels, in whole batches, on any device.

Each function changes an image by what was drawn for its place in the epoch, and by
nothing else: not by the images beside it, nor by how many are handed in at once.
"""
