"""The look: base templates, components, template tags, tokens, error pages. Knows no domain."""
