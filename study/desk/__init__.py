"""The desk of researchers and admins: how a study is made, watched, read and published.

Studies, stimuli and anchors, results, exports, archive and rehearsal live here, with their pages.
What raters do is done by calling ``study.rating``, a rehearsal included; how a network is built,
the desk may not know.
"""
