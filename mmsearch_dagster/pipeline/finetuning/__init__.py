"""The steps `image_encoder` and `text_encoder`: encoders as configured, or fine-tuned on data of the shop."""
