; Shows where it is: under trap and emulate LRA gives the host's address, unnoticed.

        .org 0
        .word 0, 0, 0, stop, 0, 0x100, 0
        .org 0x10
        ldi 1, 5
        lra 2, 7
        st 2, 0x40
stop:   halt
