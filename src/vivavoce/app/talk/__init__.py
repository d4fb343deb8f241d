"""`vivavoce talk`: a person made of a sound file, who speaks, listens, waits and interrupts, on one sample clock.

plan ──▶ person ◀──▶ line (this process, or a server's socket)
           │ every 20 ms: one frame said, one frame heard
           ├──▶ loudspeaker   what of the replies comes out, and when
           └──▶ record        turns, timings, marks ──▶ JSON, stereo sound, timeline
"""
