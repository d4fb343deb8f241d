"""`script/bench voice`: conversations over real WebSockets in real time, beside a bare loop and the peers."""
