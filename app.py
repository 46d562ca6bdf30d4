"""Start the studio: `python app.py`, then open the address it prints."""

import sys

from studio.ui.serve import serve

if __name__ == "__main__":
    sys.exit(serve())
