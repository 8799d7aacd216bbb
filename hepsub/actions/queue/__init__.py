"""hep_q, hep_rm, hep_hold, hep_release, hep_edit, hep_history, hep_clus and -wait."""
