"""``python -m fimtheory``."""

from fimtheory.cli import main

raise SystemExit(main())
