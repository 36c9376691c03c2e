"""Line charts in a terminal: canvas, ticks, downsampling, layout, painter, and the `LineChart` widget."""
