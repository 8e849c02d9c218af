"""One trial in this process, without a cluster: trained, resumed, tested again."""

from raypg.solo.retest import Retest, retest_trial
from raypg.solo.session import Finished, Options, resume_trial, start_trial
