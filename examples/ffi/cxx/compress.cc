// compress FROM TO: compresses the files of the folder FROM into the folder TO.  The jobs are
// lambdas that call a C function; the main thread shows how many have ended.
//
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>
#include <filesystem>
#include <iostream>

#include "ptjobs.hpp"

namespace fs = std::filesystem;

extern "C" void *compress_file(void *paths);

static void compress_folder(const fs::path &from, const fs::path &to)
{
	ptj::completions ended;
	ptj::options options;
	options.limit = 4;
	options.queue = &ended;
	ptj::scheduler s(options);

	auto compress = [&](const fs::path &path) {
		std::string paths = path.string() + '\0' + (to / path.filename()).string() + ".gz";
		return s.spawn([paths = std::move(paths)]() mutable {
			return reinterpret_cast<std::intptr_t>(compress_file(paths.data()));
		});
	};

	auto endless = compress("/dev/zero");
	auto missing = compress(from / "missing");
	std::vector<ptj::job<std::intptr_t>> files;
	for (const fs::path &path : fs::directory_iterator(from))
		files.push_back(compress(path));

	for (std::size_t done = 0; done < files.size() + 2;) {
		done += ended.take().size();
		std::cerr << '\r' << done << " of " << files.size() + 2;
		if (done > files.size() / 2)
			endless.cancel();
	}
	std::cerr << '\n';

	std::intptr_t bytes = 0;
	for (auto &file : files)
		bytes += file.get();
	std::cout << "compressed " << files.size() << " files, " << bytes << " bytes\n";
	try {
		missing.get();
	} catch (const ptj::error &e) {
		std::cout << "failed: " << e.what() << '\n';
	}
	try {
		endless.get();
	} catch (const ptj::cancelled &) {
		std::cout << "cancelled: /dev/zero\n";
	}

	s.close();
	try {
		compress(from / "late");
	} catch (const ptj::error &e) {
		std::cout << "after the close: " << e.what() << '\n';
	}
}

int main(int argc, char **argv)
try {
	if (argc != 3) {
		std::cerr << "Usage: compress FROM TO\n";
		return 2;
	}
	compress_folder(argv[1], argv[2]);
} catch (const std::exception &e) {
	std::cerr << "compress: " << e.what() << '\n';
	return 1;
}
