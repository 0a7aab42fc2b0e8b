; Goes to user mode without a trap: a hypervisor that only traps does not notice, and lets the
; program go on as a supervisor.

        .org 0
        .word 0, 0, 0, stop, 0, 0x100, 0
        .org 0x10
        jrst1 user
user:   rtm 1                   ; a supervisor's
stop:   halt
