; A kernel for RV64: in machine mode it opens the physical memory, sets up Sv39 with one page of a
; gigabyte, and goes to a program in user mode; it serves its calls, and does output for it by
; storing in a cell of its own memory, and counts the interrupts of the timer.

        .org 0x1000
boot:   auipc sp, 0
        addi sp, sp, trap - boot
        csrrw zero, mtvec, sp
        addi t0, zero, -1       ; all of memory, for everybody
        csrrw zero, pmpaddr0, t0
        addi t0, zero, 0x1f
        csrrw zero, pmpcfg0, t0
        lui t1, 3               ; the root table at 0x3000: one entry, a page of 2**30 bytes
        addi t0, zero, 0xdf     ; valid, to be read, written, executed, by users
        sd t0, 0(t1)
        addi t0, zero, 8        ; Sv39
        slli t0, t0, 60
        addi t1, zero, 3
        or t0, t0, t1
        csrrw zero, satp, t0
        addi t0, zero, 0x80     ; the timer interrupts
        csrrw zero, mie, t0
        addi s0, zero, 8        ; calls that will be served
        auipc t0, 0
user_at: addi t0, t0, user - user_at + 4
        csrrw zero, mepc, t0
        mret                    ; MPP is user

; ---------------------------------------------------------------- traps
trap:   csrrs t0, mcause, zero
        blt t0, zero, . + tick - .
        addi t1, zero, 8
        beq t0, t1, . + serve - .
        csrrs t0, mepc, zero    ; what it may not: the program goes on behind it
        addi t0, t0, 4
        csrrw zero, mepc, t0
        mret
serve:  lui t1, 4
        sd a0, 0(t1)            ; the output
        addi s0, s0, -1
        beq s0, zero, . + done - .
        csrrs t0, mepc, zero
        addi t0, t0, 4
        csrrw zero, mepc, t0
        mret
tick:   addi s1, s1, 1
        mret
done:   csrrw zero, mie, zero
        wfi
        jal zero, . + done - .

; ---------------------------------------------------------------- the program
user:   addi a0, zero, 1
loop:   add a1, a1, a0
        addi a0, a0, 1
        sd a1, 0x400(sp)
        csrrs a2, mcause, zero  ; it may not
        ecall
        jal zero, . + loop - .
