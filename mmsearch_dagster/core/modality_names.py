"""The names of the modalities, without what their vectors need: the command line reads them first."""

TEXT = "text"
IMAGE = "image"
AUDIO = "audio"
VIDEO = "video"
COLLABORATIVE = "collaborative"
MODALITIES = (TEXT, IMAGE, AUDIO, VIDEO, COLLABORATIVE)

# What a shopper can show; videos and collaborative factors are a product's alone.
QUERY_MODALITIES = (TEXT, IMAGE, AUDIO)
