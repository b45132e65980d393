// Lists what XRT's own reader sees in an xclbin: kernels, units, arguments, memories, sections.
//
// usage: reader FILE.xclbin

#include <exception>
#include <iostream>
#include <string>

#include <experimental/xrt_xclbin.h>

int main(int argc, char** argv)
{
  if (argc != 2) {
    std::cerr << "usage: reader FILE.xclbin\n";
    return 2;
  }
  try {
    const xrt::xclbin file{std::string(argv[1])};
    for (const auto& kernel : file.get_kernels()) {
      std::cout << "kernel " << kernel.get_name() << "\n";
      for (const auto& arg : kernel.get_args())
        std::cout << "arg " << arg.get_index() << " " << arg.get_name() << " " << arg.get_host_type()
                  << ", " << arg.get_size() << " bytes at " << arg.get_offset() << "\n";
      for (const auto& unit : kernel.get_cus())
        std::cout << "unit " << unit.get_name() << "\n";
    }
    for (const auto& ip : file.get_ips())
      for (const auto& arg : ip.get_args())
        for (const auto& memory : arg.get_mems())
          std::cout << ip.get_name() << " arg " << arg.get_index() << " in " << memory.get_tag() << "\n";
    for (const auto& memory : file.get_mems())
      std::cout << "memory " << memory.get_tag() << ", " << memory.get_size_kb() << " KiB at "
                << memory.get_base_address() << "\n";
    // By number: this header may be older than some of them.
    for (const int kind : {2, 6, 7, 8, 26, 27, 32}) {
      const char* data = nullptr;
      try {
        data = file.get_axlf_section<const char*>(static_cast<axlf_section_kind>(kind));
      }
      catch (const std::exception&) {
        // Not read, like a section that gives no data.
      }
      std::cout << "section " << kind << (data ? " read\n" : " not read\n");
    }
  }
  catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
