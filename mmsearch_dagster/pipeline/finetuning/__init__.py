"""The steps `image_encoder` and `text_encoder`: an encoder as configured, or fine-tuned on the shop's data."""
