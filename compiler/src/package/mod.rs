//! Configuration to CDO, PDI, instruction stream and XCLBIN.
