"""The scene painter, and the recipe that made models/storybook."""
