"""``python -m sentire`` is ``sentire``."""

from sentire.cli.main import main

if __name__ == "__main__":
    main()
