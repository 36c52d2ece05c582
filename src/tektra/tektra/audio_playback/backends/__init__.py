"""Where the mixed samples go: a loudspeaker, or nowhere at the pace of one."""
