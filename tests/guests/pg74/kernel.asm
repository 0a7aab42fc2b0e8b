; A kernel for the machine of 1974: it boots, runs a program of its own in user mode behind
; relocation and bounds, serves its calls, does output for it, and counts what its timer does.
;
; Accumulators: the program's are 0 to 7, and the kernel's 8 to 15.

        .org 0
old:    .word 0, 0, 0           ; where a trap leaves the PSW
new:    .word trap, 0, 0x100    ; and takes one from: supervisor, the whole storage
cause:  .word 0

        .org 0x10
boot:   ldi 8, 10               ; so many calls will be served
        st 8, calls
        ldi 9, 0
        st 9, ticks
        ldi 10, 6               ; steps until the timer runs out
        stm 10
        lpsw user               ; into the program

; ---------------------------------------------------------------- traps
trap:   ld 8, cause
        ldi 9, 3
        cmp 9, 8                ; the timer?
        ldi 10, tick
        jz 9, 10
        ldi 9, 2
        cmp 9, 8                ; a privileged operation?
        ldi 10, refuse
        jz 9, 10
        ldi 9, 1
        cmp 9, 8                ; an address outside the bounds?
        ldi 10, refuse
        jz 9, 10

serve:  sio 0, 5                ; a call: what is in 0 goes to channel 5
        ld 8, calls
        ldi 9, 1
        sub 8, 9
        st 8, calls
        ldi 10, back
        jnz 8, 10
        halt                    ; all calls are served

tick:   ld 8, ticks
        ldi 9, 1
        add 8, 9
        st 8, ticks
        rtm 9
        ldi 10, 6
        stm 10
back:   lpsw old

refuse: ld 8, old               ; the program goes on behind what it may not do
        ldi 9, 1
        add 8, 9
        st 8, old
        jmp back

calls:  .word 0
ticks:  .word 0

; ---------------------------------------------------------------- the program
user:   .word 0x8000, 0x60, 0x20  ; user mode, at its own address 0

        .org 0x60
        ldi 0, 1
loop:   mov 1, 0
        add 0, 1                ; 1, 2, 4, ...
        st 0, 0x10
        ld 2, 0x1f              ; the last word that is its own
        ld 2, 0x20              ; and one that is not
        svc 7
        stm 0                   ; it may not
        jmp loop - 0x60
