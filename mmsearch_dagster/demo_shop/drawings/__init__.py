"""How a product looks: shapes, the surface on them, and the picture that they give."""
