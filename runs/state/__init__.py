"""What a run is: the reducer, snapshots at a moment, step columns, the live feed."""
