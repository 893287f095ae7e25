"""Says what runs mean: statistics, verdict, figures, report. Pure but for writing the files it is asked for."""
