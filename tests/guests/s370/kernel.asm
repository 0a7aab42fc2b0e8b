; A kernel for the System/370: it boots, sets up dynamic address translation, and goes to a program
; in problem state; it serves its calls, starts output for it, and takes the interval timer's
; interruptions.
;
; The program has registers 1 to 5 and 12, the kernel the others.

        .org 0
        bc 15, boot(0,0)
        .org 88                 ; new PSWs: external
        .word 0x0008, 0, 0, tick
        .org 96                 ; call
        .word 0x0008, 0, 0, serve
        .org 104                ; program
        .word 0x0008, 0, 0, refuse

        .org 0x200
boot:   lctl 0, 1, control(0)
        la 6, 8(0,0)            ; calls that will be served
        sr 8, 8                 ; ticks
        lpsw user(0)

serve:  sio 5(0)                ; the output
        bct 6, back(0,0)
        lpsw done(0)
back:   lpsw 32(0)

tick:   la 8, 1(0,8)
        lpsw 24(0)

refuse: la 7, 1(0,7)            ; the program goes on behind what it may not do
        lpsw 40(0)

        .org 0x280
control: .word 0x0090, 0x00e0   ; pages of 4 KiB, segments of 1 MiB; the timer interrupts
        .word 0x0000, 0x1000    ; the segment table: one block of entries
user:   .word 0x0509, 0, 0, 0x2000  ; translation, external interruptions, problem state
done:   .word 0x000a, 0, 0, 0   ; wait, for good

        .org 0x1000
        .word 0x0000, 0x1100    ; one segment, whose page table has 16 entries
        .org 0x1100
        .word 0x0000, 0x0010, 0x0030, 0x0020  ; pages 2 and 3 are elsewhere

        .org 0x3000             ; the program, at its own address 0x2000
        balr 12, 0
        la 1, 1(0,0)
loop:   ar 2, 1
        st 2, 0x100(0,12)
        la 1, 1(0,1)
        ssm 0x100(12)           ; it may not
        svc 7
        bc 15, loop - 0x3002(0,12)
