"""LaTeX, HTML and figures: reads claims and verdicts, computes nothing."""
