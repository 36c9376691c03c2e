"""The diagnosis of a run: a verdict, why, what next, and a suggested command. numpy only, no torch and no clock."""
