"""Whether a candidate may be released: policy, rules, decision."""
