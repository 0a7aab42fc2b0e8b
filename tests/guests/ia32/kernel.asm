; A kernel for IA-32: it boots in flat protected mode, loads its tables, turns paging on, and goes to
; a program at level 3; it serves the program's calls, does output for it, and takes a nonmaskable
; interrupt now and then, which stands for the timer: vectors of others are anything.

        .org 0x1000
boot:   lgdt [gdtr]
        lidt [idtr]
        mov ax, 0x28
        ltr ax
        mov ax, 0x10
        mov ss, ax
        mov ds, ax
        mov esp, 0x8000
        mov eax, 0x5000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax            ; paging
        mov edi, 8              ; calls that will be served
        mov esi, 0              ; ticks
        mov ax, 0x23
        mov ds, ax
        push 0x23               ; into the program: its stack, its flags, its code
        push 0x9000
        push 0x0202
        push 0x1b
        push user
        iret

serve:  mov dx, 0x3f8           ; the output
        out dx, al
        dec edi
        je done - next
        iret
done:   cli
        hlt
        jmp done - next

tick:   inc esi
        iret

refuse: add esp, 4              ; the program goes on behind the instruction of one byte
        inc dword [esp]
        iret

user:   mov eax, 1
again:  add ebx, eax
        mov dword [0x9100], ebx
        pushf
        pop ecx
        inc eax
        cli                     ; it may not
        int 0x80
        jmp again - next

        .org 0x1100
gdtr:   .word 0x2f, gdt, 0
idtr:   .word 0x7ff, 0x3000, 0
        .org 0x1120
gdt:    .word 0, 0, 0, 0
        .word 0xffff, 0, 0x9a00, 0x00cf  ; 08: code of level 0
        .word 0xffff, 0, 0x9200, 0x00cf  ; 10: data of level 0
        .word 0xffff, 0, 0xfa00, 0x00cf  ; 18: code of level 3
        .word 0xffff, 0, 0xf200, 0x00cf  ; 20: data of level 3
        .word 0x0067, 0x4000, 0x8900, 0  ; 28: the task

        .org 0x3010             ; vector 2: nonmaskable
        .word tick, 0x08, 0x8e00, 0
        .org 0x3068             ; vector 13: general protection
        .word refuse, 0x08, 0x8e00, 0
        .org 0x3400             ; vector 128: call
        .word serve, 0x08, 0xee00, 0

        .org 0x4004             ; the task: the stack of level 0
        .word 0x8000, 0, 0x10, 0

        .org 0x5000             ; the page directory
        .word 0x6007, 0
        .org 0x6000             ; pages 0 to 9, each where it is
        .word 0x0007, 0, 0x1007, 0, 0x2007, 0, 0x3007, 0, 0x4007, 0
        .word 0x5007, 0, 0x6007, 0, 0x7007, 0, 0x8007, 0, 0x9007, 0
