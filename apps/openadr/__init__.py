"""OpenADR 3.1 VTN: wire objects to and from programs and grid signals; reports."""
