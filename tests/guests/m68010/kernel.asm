; A kernel for the 68010: it boots, goes to a program in user state, serves its calls, takes an
; autovector while the program runs, and resets the board, which is all the output there is.
; The board's relocation is not set up: no instruction reaches its register.

        .org 0
        .word 0, 0x0800         ; the supervisor's stack
        .word 0, boot
        .org 0x20               ; vector 8: privilege violation
        .word 0, refuse
        .org 0x74               ; vector 29: autovector 5
        .word 0, tick
        .org 0x80               ; vector 32: trap #0
        .word 0, serve

        .org 0x100
boot:   moveq #0, d7            ; ticks
        moveq #8, d6            ; calls that will be served
        movec vbr, d0           ; where the vectors are
        lea (0x700).w, a0
        move.l a0, usp
        reset
        move.w #0x0000, -(a7)   ; a short frame, vector 0
        move.l #user, -(a7)
        move.w #0x0000, -(a7)   ; user state, nothing masked
        rte

serve:  subq.w #1, d6
        beq.s done - next
        rte
done:   stop #0x2700            ; for good: everything but level 7 is masked

tick:   addq.w #1, d7
        rte

refuse: addq.l #4, 2(a7)         ; the program goes on behind the instruction of four bytes
        rte

user:   moveq #1, d0
loop:   add.l d0, d1
        move.l d1, (0x600).w
        move.w ccr, d2
        trap #0
        move.w #0x2700, sr      ; it may not
        bra.s loop - next
