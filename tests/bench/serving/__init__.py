"""The released engine over HTTP, beside a plain service over the same products and encoders."""
