from typing import final

@final
class Documents: ...
