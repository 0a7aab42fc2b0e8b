; The monitor of the IA-32 oracles: popek/oracles/ia32_monitor.py says what it is for.  To assemble:
;
;     nasm -w-number-overflow -f bin -o monitor.bin monitor.asm
;
; 64 KiB at the top of the first 4 GiB, started from the reset vector.  It runs each case of a table
; as a guest of the processor's own virtualization: AMD's SVM where there is one (QEMU), else Intel's
; VMX (Bochs).  Guest-physical memory is wholly the case's: nested pages lead to a pool of RAM, and
; what the case does not name is a page of zeros.  A timer that counts instructions ends the step.

        bits    16
        org     0xFFFF0000

; ---------------------------------------------------------------- the machine's RAM
HOST_PD    equ  0x10000         ; 4 pages: the monitor's own page directories, identity
HOST_PDPT  equ  0x14000
NEST_ROOT  equ  0x15000         ; SVM: page directory pointers; VMX: PML4
NEST_PDPT  equ  0x3E000         ; VMX: page directory pointers
NEST_PD    equ  0x16000         ; 4 pages
ZERO_PT    equ  0x1A000         ; 512 times the page of zeros
ZERO_PAGE  equ  0x1B000
VMCB       equ  0x1C000         ; SVM: control block; VMX: VMCS
HSAVE      equ  0x1D000         ; SVM: host save area; VMX: VMXON region
IO_ALL     equ  0x1E000         ; 3 pages: every port leaves the guest
IO_BOARD   equ  0x21000         ; 3 pages: the ports of the board do
MSR_ALL    equ  0x24000         ; 2 pages
VARS       equ  0x26000
STACK      equ  0x28000
PAGES      equ  0x28000         ; what is mapped, 16 bytes each: frame, page, nested PTE, cells
PDES       equ  0x2A000         ; nested PDEs to be undone
IDT        equ  0x2B000
RESULT     equ  0x2C000
POOL       equ  0x100000        ; pages of zeros, but for the case's
POOL_PTS   equ  0x200000        ; nested page tables, all the page of zeros, but for the case's
MAX_PAGES  equ  200
SINK       equ  0x800000        ; QEMU: the results

; ---------------------------------------------------------------- variables
IS_SVM     equ  VARS + 0x00
LEAF       equ  VARS + 0x04     ; flags of a nested leaf that can be written
LEAF_ZERO  equ  VARS + 0x08     ; of the page of zeros
DIRTY      equ  VARS + 0x0C     ; the bit of a nested leaf that was written
INJECT     equ  VARS + 0x10     ; SVM: what is to be delivered, and its error code
CASE       equ  VARS + 0x14     ; the case's record
INDEX      equ  VARS + 0x18     ; its number
N_PAGES    equ  VARS + 0x1C
N_NAMED    equ  VARS + 0x20
N_PDES     equ  VARS + 0x24
EXCEPTIONS equ  VARS + 0x28     ; those that leave the guest
WATCHED    equ  VARS + 0x2C     ; 1: HLT, 2: all ports, 4: the IDTR; IDTR.limit is 0 with 4;
                                ; 8, SVM: what sees EFLAGS.TF, by which the step is ended
TAIL        equ  VARS + 0x30     ; end of the result
EVENTS     equ  VARS + 0x34
RUNS       equ  VARS + 0x38
REASON     equ  VARS + 0x3C
INFO       equ  VARS + 0x40     ; exit information: info1, info2
VECTORING  equ  VARS + 0x48     ; what was being delivered: info, error code
ELAPSED    equ  VARS + 0x50
SINK_AT    equ  VARS + 0x54
NE_FLIP    equ  VARS + 0x58     ; VMX: what the guest writes to CR0.NE is not what it was
NE_KEPT    equ  VARS + 0x84     ; VMX: the same, but that write has raised an exception
GPRS       equ  VARS + 0x60     ; the guest's, EAX to EDI
STATE_OUT  equ  VARS + 0x100    ; as in the record
INJECT_CODE equ VARS + 0x5C
INJECTED   equ  VARS + 0x80     ; what the last run began with
DONE       equ  0x7FF000        ; QEMU: number of finished cases, bytes of results

; ---------------------------------------------------------------- a state, in doublewords
; ES CS SS DS FS GS GDTR LDTR IDTR TR: selector, rights as VMX has them, limit, base
ST_SEG     equ  0
ST_CPL     equ  160
ST_EIP     equ  164
ST_EFLAGS  equ  168
ST_GPR     equ  172             ; EAX ECX EDX EBX ESP EBP ESI EDI
ST_CR0     equ  204
ST_CR2     equ  208
ST_CR3     equ  212
ST_CR4     equ  216
ST_DR      equ  220             ; DR0 to DR3, DR6, DR7
ST_SHADOW  equ  244             ; 1: interrupts are inhibited, 8: NMIs are
ST_SIZE    equ  248

; ---------------------------------------------------------------- a case
REC_SIZE   equ  0               ; of the record, in bytes
REC_MODE   equ  4               ; 1: an INT3 behind the instruction ends the step
REC_STATE  equ  8
REC_PAGES  equ  REC_STATE + ST_SIZE     ; their number; of each: frame, number of cells, cells
; of a cell: the offset in its page, and from bit 16 on what it holds

; ================================================================ header: what the driver fills in
header:
        dd      0x4B504F50      ; "POPK"
cases:  dd      0               ; address of the table
count:  dd      0               ; cases in it
budget: dd      0               ; what the timer is set to
usual:  dd      0               ; SVM: what a single step takes, by the time-stamp counter

; ================================================================ start
        align   16
start32:
        bits    32
        mov     ax, 16
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     fs, ax
        mov     gs, ax
        mov     esp, STACK
        cld
        xor     eax, eax        ; RAM below the pool
        mov     edi, HOST_PD
        mov     ecx, (0x40000 - HOST_PD) / 4
        rep stosd
        call    host_paging
        call    which
        cmp     dword [IS_SVM], 0
        je      .vmx
        call    svm_start
        jmp     .go
.vmx:   call    vmx_start
.go:    call    ports
        call    nested_tables
        mov     eax, [cases]
        mov     [CASE], eax
        mov     dword [SINK_AT], SINK
.next:  mov     eax, [INDEX]
        cmp     eax, [count]
        jae     .end
        call    one_case
        mov     eax, [CASE]
        add     eax, [eax]
        mov     [CASE], eax
        inc     dword [INDEX]
        jmp     .next
.end:   mov     dx, 0x501       ; QEMU: isa-debug-exit
        xor     eax, eax
        out     dx, al
        mov     dx, 0x8900      ; Bochs: leaves on this word
        mov     esi, goodbye
        mov     ecx, 8
        rep outsb
.halt:  hlt
        jmp     .halt
goodbye: db     "Shutdown"

which:  mov     eax, 0x80000000 ; SVM?
        cpuid
        cmp     eax, 0x80000001
        jb      .vmx
        mov     eax, 0x80000001
        cpuid
        test    ecx, 4
        jz      .vmx
        mov     dword [IS_SVM], 1
        mov     dword [LEAF], 7
        mov     dword [LEAF_ZERO], 5
        mov     dword [DIRTY], 0x40
        ret
.vmx:   mov     dword [LEAF], 0x37
        mov     dword [LEAF_ZERO], 0x35
        mov     dword [DIRTY], 0x200
        ret

; Ports that leave the guest: all, or those of the board.
ports:  mov     edi, IO_ALL
        mov     ecx, 3 * 1024
        or      eax, -1
        rep stosd
        mov     esi, .low
        mov     edi, IO_BOARD
        mov     ecx, 32
        rep movsb
        mov     ecx, 0x1E0      ; 0x100 to 0xFFF
        rep stosb
        add     edi, 0xE00      ; 0x1000 to 0x7FFF are free
        mov     ecx, 0xA00      ; 0x8000 to 0xCFFF
        rep stosb
        ret
.low:   db      -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, -1, 0, -1, 0
        db      -1, -1, -1, 0, -1, 0, -1, 0, -1, -1, -1, -1, 0, -1, -1, 0

host_paging:                    ; PAE, 2 MiB pages, identity
        mov     edi, HOST_PD
        mov     eax, 0x83
        mov     ecx, 2048
.pd:    mov     [edi], eax
        mov     dword [edi + 4], 0
        add     edi, 8
        add     eax, 0x200000
        loop    .pd
        mov     edi, HOST_PDPT
        mov     eax, HOST_PD + 1
        mov     ecx, 4
.pdpt:  mov     [edi], eax
        mov     dword [edi + 4], 0
        add     edi, 8
        add     eax, 0x1000
        loop    .pdpt
        mov     eax, HOST_PDPT
        mov     cr3, eax
        mov     eax, 0x20       ; PAE
        mov     cr4, eax
        mov     eax, 0x80010031 ; PG WP NE ET PE
        mov     cr0, eax
        ret

nested_tables:
        mov     edi, ZERO_PT
        call    zero_table
        mov     ebx, POOL_PTS
        mov     edx, MAX_PAGES
.pt:    mov     edi, ebx
        call    zero_table
        add     ebx, 0x1000
        dec     edx
        jnz     .pt
        mov     edi, NEST_PD
        mov     ecx, 2048
.pd:    mov     dword [edi], ZERO_PT + 7
        add     edi, 8
        loop    .pd
        mov     edi, NEST_ROOT
        mov     eax, NEST_PD + 1
        cmp     dword [IS_SVM], 0
        jne     .pdpt
        mov     dword [NEST_ROOT], NEST_PDPT + 7
        mov     edi, NEST_PDPT
        mov     eax, NEST_PD + 7
.pdpt:  mov     ecx, 4
.each:  mov     [edi], eax
        add     edi, 8
        add     eax, 0x1000
        loop    .each
        mov     edi, POOL
        mov     ecx, MAX_PAGES * 1024
        xor     eax, eax
        rep stosd
        ret

zero_table:                     ; edi: a page
        mov     ecx, 512
        mov     eax, ZERO_PAGE
        or      eax, [LEAF_ZERO]
.each:  mov     [edi], eax
        mov     dword [edi + 4], 0
        add     edi, 8
        loop    .each
        ret

; ================================================================ memory
; map(eax: frame, ebx: its cells or 0)
map:    push    edi
        push    esi
        mov     ecx, [N_PAGES]
        mov     edx, eax
        shr     edx, 21
        lea     edx, [NEST_PD + edx * 8]
        mov     esi, [edx]
        and     esi, 0xFFFFF000
        cmp     esi, ZERO_PT
        jne     .has
        mov     edi, [N_PDES]
        mov     [PDES + edi * 4], edx
        inc     dword [N_PDES]
        shl     edi, 12
        lea     esi, [POOL_PTS + edi]
        lea     edi, [esi + 7]
        mov     [edx], edi
.has:   mov     edx, eax        ; the nested PTE
        shr     edx, 9
        and     edx, 0xFF8
        add     edx, esi
        mov     edi, ecx
        shl     edi, 12
        add     edi, POOL
        mov     esi, ecx
        shl     esi, 4
        add     esi, PAGES
        mov     [esi], eax
        mov     [esi + 4], edi
        mov     [esi + 8], edx
        mov     [esi + 12], ebx
        or      edi, [LEAF]
        mov     [edx], edi
        inc     dword [N_PAGES]
        pop     esi
        pop     edi
        ret

; the case's pages, and what they hold
load_memory:
        mov     dword [N_PAGES], 0
        mov     dword [N_PDES], 0
        mov     esi, [CASE]
        mov     ecx, [esi + REC_PAGES]
        add     esi, REC_PAGES + 4
        mov     [N_NAMED], ecx
        jecxz   .end
.page:  push    ecx
        mov     eax, [esi]
        lea     ebx, [esi + 4]
        call    map
        mov     ecx, [ebx]
        lea     esi, [ebx + ecx * 4 + 4]
        pop     ecx
        loop    .page
.end:   call    poke
        ret

; write the cells of all pages
poke:   mov     ebx, PAGES
        mov     edx, [N_NAMED]
.page:  test    edx, edx
        jz      .end
        mov     edi, [ebx + 4]
        mov     esi, [ebx + 12]
        mov     ecx, [esi]
        add     esi, 4
        jecxz   .none
.cell:  mov     eax, [esi]
        add     esi, 4
        movzx   ebp, ax
        shr     eax, 16
        mov     [edi + ebp], al
        loop    .cell
.none:  add     ebx, 16
        dec     edx
        jmp     .page
.end:   ret

; undo what a run did to memory
restore:
        mov     ebx, PAGES
        mov     edx, [N_PAGES]
        test    edx, edx
        jz      .none
.page:  mov     ebp, [ebx + 8]
        mov     eax, [ebp]
        test    eax, [DIRTY]
        jz      .clean
        mov     edi, [ebx + 4]
        call    clear
        mov     edi, [ebx + 4]
        or      edi, [LEAF]
        mov     [ebp], edi
.clean: add     ebx, 16
        dec     edx
        jnz     .page
.none:  jmp     poke

clear:  xor     eax, eax        ; the page at edi
        mov     ecx, 1024
        rep stosd
        ret

; report the cells that changed, and make the pool what it was
collect:
        mov     ebx, PAGES
        mov     edx, [N_PAGES]
        mov     edi, [TAIL]
        push    edi
        add     edi, 4
.page:  test    edx, edx
        jz      .end
        mov     esi, [ebx + 8]
        mov     eax, [esi]
        test    eax, [DIRTY]
        mov     eax, ZERO_PAGE
        push    edx
        pushfd
        or      eax, [LEAF_ZERO]
        mov     [esi], eax
        mov     ebp, [ebx + 4]
        mov     esi, [ebx + 12]
        test    esi, esi
        jz      .rest
        mov     ecx, [esi]
        add     esi, 4
        jecxz   .rest
.cell:  mov     eax, [esi]
        add     esi, 4
        movzx   edx, ax
        shr     eax, 16
        xchg    ah, [ebp + edx]
        cmp     al, ah
        je      .same
        add     edx, [ebx]
        mov     [edi], edx
        movzx   eax, ah
        mov     [edi + 4], eax
        add     edi, 8
.same:  mov     edx, [esi - 4]
        movzx   edx, dx
        mov     byte [ebp + edx], 0
        loop    .cell
.rest:  popfd
        jz      .clean
        mov     esi, ebp        ; cells that were 0
        mov     ecx, 1024
.word:  lodsd
        test    eax, eax
        jnz     .some
.on:    loop    .word
.clean: pop     edx
        add     ebx, 16
        dec     edx
        jmp     .page
.some:  mov     dword [esi - 4], 0
        push    ecx
        mov     ecx, 4
        lea     edx, [esi - 4]
        sub     edx, ebp
        add     edx, [ebx]
.byte:  test    al, al
        jz      .zero
        mov     [edi], edx
        movzx   ebp, al
        mov     [edi + 4], ebp
        add     edi, 8
.zero:  shr     eax, 8
        inc     edx
        loop    .byte
        mov     ebp, [ebx + 4]
        pop     ecx
        jmp     .on
.end:   pop     esi
        mov     eax, edi
        sub     eax, esi
        shr     eax, 3          ; the count's own four bytes do not matter
        mov     [esi], eax
        mov     [TAIL], edi
        mov     ecx, [N_PDES]   ; the directories
        jecxz   .done
        mov     esi, PDES
.pde:   lodsd
        mov     dword [eax], ZERO_PT + 7
        loop    .pde
.done:  ret

; ================================================================ one case
one_case:
        mov     dword [RUNS], 0
        call    load_memory
        call    afresh
        jmp     .run
.restart:                       ; a page that only the delivery of an exception asked for
        call    afresh
        jmp     .again
.again: call    restore
.run:   inc     dword [RUNS]
        cmp     dword [RUNS], 64
        ja      .stop
        cmp     dword [IS_SVM], 0
        je      .vmx
        call    svm_run
        jmp     .ran
.vmx:   call    vmx_run
.ran:   ; al: 0 the step is over, 1 an exception in [INFO] (vector, code, address),
        ; 2 HLT, 3 a port, 4 the IDTR, 5 memory at [INFO] is to be written,
        ; 6 again, 7 anything else, 8 again by the timer
        movzx   eax, al
        jmp     [.what + eax * 4]
.what:  dd      .stop, .exception, .hlt, .port, .idtr, .write, .again, .stop, .timed
.exception:
        test    dword [VECTORING], 0x80000000
        jz      .hard
        test    dword [WATCHED], 4
        jz      .hard
        mov     eax, [VECTORING] ; INT n met the empty table
        movzx   eax, al
        or      eax, 0x200
        call    event
        and     dword [WATCHED], ~4
        jmp     .again
.hard:  movzx   eax, byte [INFO]
        cmp     eax, 3
        jne     .not_planted
        mov     ebx, [CASE]     ; the driver's INT3 behind the instruction
        test    dword [ebx + REC_MODE], 1
        jz      .not_planted
        mov     edx, [ebx + REC_STATE + ST_EIP]
        cmp     edx, [STATE_OUT + ST_EIP]
        jne     .stop
.not_planted:
        or      eax, 0x100
        call    event
        and     dword [WATCHED], ~4
        cmp     dword [IS_SVM], 0
        jne     .inject
        movzx   eax, byte [INFO]
        btr     [EXCEPTIONS], eax
        jmp     .again
.inject:
        call    svm_inject      ; from where the exception left the guest
        jnc     .run
        mov     dword [REASON], 0x7F
        jmp     .stop
.hlt:   mov     eax, 0x300
        call    event
        and     dword [WATCHED], ~9
        cmp     dword [IS_SVM], 0
        je      .stop           ; VMX: the state before it, and its length in [INFO + 4]
        jmp     .again
.port:  test    dword [WATCHED], 2
        jz      .stop           ; one of the board
        mov     eax, 0x400
        call    event
        and     dword [WATCHED], ~2
        jmp     .again
.timed: and     dword [WATCHED], ~8
        jmp     .again
.idtr:  and     dword [WATCHED], ~4
        jmp     .again
.write: mov     eax, [INFO]
        and     eax, 0xFFFFF000
        xor     ebx, ebx
        cmp     dword [N_PAGES], MAX_PAGES
        jae     .stop
        call    map
        cmp     dword [INJECTED], 0
        jne     .restart
        jmp     .again
.stop:  ; header of the result
        mov     edi, RESULT
        mov     dword [edi], 0x4B504F50
        mov     eax, [INDEX]
        mov     [edi + 4], eax
        mov     eax, [EVENTS]
        mov     [edi + 12], eax
        mov     esi, RUNS
        add     edi, 16
        mov     ecx, 7          ; runs, reason, info (2), vectoring (2), elapsed
        rep movsd
        mov     eax, [WATCHED]
        stosd
        mov     esi, STATE_OUT
        mov     edi, [TAIL]
        mov     ecx, ST_SIZE / 4
        rep movsd
        mov     [TAIL], edi
        call    collect
        mov     eax, [TAIL]
        sub     eax, RESULT
        mov     [RESULT + 8], eax
        mov     esi, RESULT
        mov     ecx, eax
        cmp     dword [IS_SVM], 0
        je      .port_e9
        mov     edi, [SINK_AT]
        rep movsb
        mov     [SINK_AT], edi
        mov     eax, [INDEX]
        inc     eax
        sub     edi, SINK
        mov     [DONE + 4], edi
        mov     [DONE], eax
        ret
.port_e9:
        mov     dx, 0xE9
        rep outsb
        ret

afresh:
        mov     dword [TAIL], RESULT + 48
        mov     dword [EVENTS], 0
        mov     dword [EXCEPTIONS], 0xFFFFFFFF
        mov     dword [WATCHED], 7
        cmp     dword [IS_SVM], 0
        je      .timer
        mov     dword [WATCHED], 15
.timer:
        mov     dword [NE_FLIP], 0
        mov     dword [NE_KEPT], 0
        mov     dword [INJECT], 0
        mov     dword [INJECTED], 0
        ret

event:  ; eax: what; with [INFO], [INFO + 4], error code
        mov     edi, [TAIL]
        mov     [edi], eax
        mov     eax, [INFO]
        mov     [edi + 4], eax
        mov     eax, [INFO + 4]
        mov     [edi + 8], eax
        mov     eax, [VECTORING]
        mov     [edi + 12], eax
        add     dword [TAIL], 16
        inc     dword [EVENTS]
        ret

%include "vmx.inc"
%include "svm.inc"

; ================================================================ reset
gdt:    dq      0
        dq      0x00CF9B000000FFFF
        dq      0x00CF93000000FFFF
        dq      0x00008B0000000067 | (VARS & 0xFFFFFF) << 16
gdt_at: dw      31
        dd      gdt
idt_at: dw      0x7FF
        dd      IDT

        bits    16
start16:
        cli
        o32 lgdt [cs:(gdt_at - 0xFFFF0000)]
        o32 lidt [cs:(idt_at - 0xFFFF0000)]
        mov     eax, 0x31
        mov     cr0, eax
        jmp     dword 8:start32

        times   0xFFF0 - ($ - $$) db 0
        jmp     start16
        times   0x10000 - ($ - $$) db 0
