"""The one guarded way to addresses that others name: never inward, and within little time and size."""
