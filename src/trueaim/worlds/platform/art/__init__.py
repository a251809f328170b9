"""The art of the platform world, drawn by code: shapes in colors, no image files, under the license of the project."""
