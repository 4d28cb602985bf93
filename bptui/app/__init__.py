"""The terminal app: screens, panels and widgets."""
