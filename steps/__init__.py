"""The nine steps of the talk, each a whole program: `python -m steps.step1` ... `python -m steps.step9`."""
