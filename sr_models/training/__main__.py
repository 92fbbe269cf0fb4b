"""``python -m sr_models.training``: what it does is in the module ``command`` beside this one."""

import sys

if __name__ == "__main__":
    try:
        # Here, since it takes seconds, in which somebody may think better of it.
        from sr_models.training.command import main

        sys.exit(main())
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
