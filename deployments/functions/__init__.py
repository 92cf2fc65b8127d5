"""Any workflow as a function of a cloud provider: a consumer with a deadline on the same journal.

declared     the functions as data: workflow, triggers, memory, time-out
deadline     until when an invocation claims work, and when it hands back what is left
accept       messages and requests become items of the journal
invocation   one invocation: accept, start others, work, answer
aws_lambda, cloud_run, azure_functions   what each provider calls, and the form of its answers
templates    what is deployed, written from `declared`
"""
