"""What sound is. Pure: no asyncio, no sockets, no clocks. Durations are counted in samples."""
