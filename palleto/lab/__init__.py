"""What the notebooks show: experiments, dashboards, figures, step differences, questions."""
