"""`python -m palleto.lab.publish DIR` writes executed HTML copies of the notebooks."""

import sys

from palleto.lab.publish.pages import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
