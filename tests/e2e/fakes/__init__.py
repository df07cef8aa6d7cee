"""Stand-ins for the five programs sotto also speaks to. Each reads as its
original does, one recv a frame, and dies of what the original dies of; `dead`
says of what then."""
