"""Where things are kept: database, cache, bus and blobs, each behind one port with an embedded and a scaled twin."""
