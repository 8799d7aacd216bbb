# The rules of all modules, what never changes, and what has happened so far.
#
#   wrapper.sh [ARGUMENT OF THE PAYLOAD…]
#
# hepsub's wrapper travels with a job, fetches its inputs, runs the payload, saves its outputs. worker/README.md is
# the contract: the manifest, the report, the exit codes. It runs as a guest on machines that nobody chose: a POSIX
# sh, curl or else python3, and no more. The modules stand in the order in which a job meets them; `main`, in the
# last one, is the table of contents. build.py makes one file of them; nothing here does anything when it is read.
#
# Four rules hold everywhere, and look odd until one knows them:
#  * Every variable is called hs_…: the user's environment is imported into this shell, and a plain
#    name assigned here would change what the payload sees.
#  * Whatever may take long runs in the background and is waited for: a shell runs its traps only
#    between commands or in `wait`, and HTCondor does not wait long after its SIGTERM.
#  * A helper in the background is ended by a signal that its parent does not trap (watchdogs ALRM, the
#    others VTALRM), or by KILL: until a new subshell has its own traps, its parent's swallow signals.
#  * A URL is a secret, and so is a token. They pass through builtins and files in .hepsub, never
#    through an argv.

set -u

hs_version=1
hs_manifest_name=hepsub.manifest
hs_sums_name=hepsub.sums
hs_private=.hepsub
hs_creds=$hs_private/creds
hs_mail=$hs_private/mail
hs_home=${HEPSUB_HOME_DIR:-hepsub_home}
hs_lib=hepsub_lib

# Times, in seconds. The environment may say otherwise: a site with a slow store, a test in a hurry.
hs_refresh_s=${HEPSUB_REFRESH_S:-600}    # how often newer manifests and credentials are asked for beside the payload
hs_patience_s=${HEPSUB_PATIENCE_S:-900}  # how long one file is tried without any progress
hs_stall_s=${HEPSUB_STALL_S:-60}         # a transfer that moves nothing for so long is broken
hs_pause_ms=${HEPSUB_PAUSE_MS:-1000}     # the first pause between two tries; doubles up to hs_pause_max_ms
hs_pause_max_ms=60000
hs_term_s=${HEPSUB_TERM_S:-60}           # between a SIGTERM from outside and the SIGKILL of the payload
hs_walltime_term_s=10                    # the same at the walltime, where the time is needed for staging
hs_chirp_s=${HEPSUB_CHIRP_S:-20}                            # for one question to HTCondor
hs_kinit_s=${HEPSUB_KINIT_S:-20}                            # for one kinit or aklog
hs_letter_s=${HEPSUB_LETTER_S:-20}       # a mailbox that says nothing for so long is left alone; a letter takes thrice as long at most
hs_busy_s=2                              # between two looks at a credential, at least
hs_skew_s=300                            # so long after its end a ticket may still be renewed: clocks differ
hs_brief=2                               # tries for a file, once a whole patience found nobody at home
hs_forever_s=86400                       # where nobody set a walltime: for one transfer
hs_last_s=2                              # kept back of the walltime for the report
hs_max_wrong=3                           # whole transfers of wrong content before giving up
hs_letter_max=1048576                    # bytes of a letter; one with a manifest may have four times those of the last one

# The wrapper's own exit codes.
hs_e_contract=80 hs_e_input=81 hs_e_content=82 hs_e_start=83 hs_e_missing=84
hs_e_home=85 hs_e_walltime=86 hs_e_lost=87 hs_e_http=88 hs_e_unpack=89 hs_e_sent=90

hs_tab='	'
hs_cr=$(printf '\r')
hs_nl='
'

hs_1='' hs_2='' hs_3='' hs_4='' hs_5='' # fields of a line, until the next line is read
hs_top=              # the job's directory
hs_start=0           # when the wrapper started, in seconds since 1970
hs_library_path='' hs_had_library_path='' hs_preload='' hs_had_preload='' # the user's, and whether he had set them
hs_umask=022
hs_stage=before      # before, payload, after: what a signal means
hs_signal=           # a signal that ended the wrapper's work before the payload ran
hs_code=0            # the wrapper's own verdict
hs_message=
hs_finished=         # the verdict is final: otherwise the shell itself broke down
hs_job=-
hs_run=              # how often the job was started, this time included; empty when nobody tells
hs_payload=
hs_payload_status=   # as `wait` says it; empty when the payload never ran
hs_payload_signal=
hs_payload_s=0
hs_clock=
hs_killer=
hs_child=
hs_watchdog=
hs_nap=
hs_needs_http=
hs_by_url=           # whether an output goes to a URL
hs_trapped=
hs_forwarded=
hs_source=-
hs_submitdir=
hs_workdir=
hs_image=            # the container image: a path, a URL of a registry, or ./NAME
hs_sealed=           # whether what was sent has been compared,
hs_sealed_payload=   # and what the payload is called then, as in the manifest
hs_sealed_image=     # and the image as well; empty for none
hs_isolation=        # what keeps the jobs of users apart here, as the policy says,
hs_strangers=null    # and how many jobs of others can be read all the same
hs_brings_new=       # whether all that the payload leaves new comes home,
hs_old=              # and what was there before it
hs_confined=         # whether HTCondor brings home to one directory and no other
hs_has_lib=          # whether libraries came along,
hs_lib_search=       # and what they put in front of LD_LIBRARY_PATH,
hs_lib_python=       # PYTHONPATH
hs_lib_programs=     # and PATH of the payload
hs_walltime_s=
hs_grace_s=0
hs_payload_end=31536000 # seconds after the start at which the payload has to end,
hs_deadline=31536000    # and everything
hs_homelimit=
hs_putlimit=
hs_copy_bytes=4611686018427387904 # so much of the user's own files may still be copied, and a directory
hs_copy_files=1000000             # of so many files
hs_known=${hs_nl}items.txt${hs_nl}wrapper.sh${hs_nl}condor_exec.exe${hs_nl}_condor_stdout${hs_nl}_condor_stderr$hs_nl
                     # names which are no outputs, whatever a pattern says
hs_inputs=           # JSON of the report
hs_outputs=
hs_credentials=
hs_missing=
hs_kept=
hs_lost=
hs_moves=            # whether an output goes to a shared file system
hs_wake=0            # when `clock` has something to do
hs_status=000
hs_stored=           # the ETag of what was uploaded
hs_why=

