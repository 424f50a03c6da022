### Frases para personas, en español. Los mismos ids y valores en todos los idiomas.
### Los valores "who" son listas de direcciones; "who-count" dice cuántas son.

## Por qué no se sigue un mensaje

follow-engagement-off = El seguimiento de correos está desactivado en su organización. Un administrador puede activarlo en la configuración.
follow-no-followable-recipient = Para seguir este mensaje, agregue al menos una cuenta, un contacto o un cliente potencial en Para o CC.
follow-other-record-types = { $who-count ->
    [one] { $who } no es una cuenta, un contacto ni un cliente potencial. Quite este destinatario para seguir el mensaje.
   *[other] { $who } no son cuentas, contactos ni clientes potenciales. Quite estos destinatarios para seguir el mensaje.
}
follow-no-record = { $who-count ->
    [one] No tenemos ningún registro para { $who }. Elija o cree uno para seguir el mensaje.
   *[other] No tenemos registros para { $who }. Elíjalos o créelos para seguir el mensaje.
}
follow-recipient-opted-out = { $who-count ->
    [one] { $who } tiene la opción «no seguir».
   *[other] { $who } tienen la opción «no seguir».
}
follow-seller-chose-not = Usted eligió no seguir este mensaje.
follow-text-only = Solo se pueden seguir mensajes con formato (HTML), y este es de texto sin formato.
follow-bulk = Los mensajes para más de { $limit } destinatarios no se siguen. Envíelo a menos personas a la vez.
warning-address-bounced = El último mensaje a { $who } no se pudo entregar. Compruebe la dirección antes de volver a escribir.

## Por qué no hay una hora recomendada

delivery-time-no-recipient = Elija un destinatario para ver la hora recomendada.
delivery-time-several-recipients = Solo se puede recomendar una hora para un único destinatario, y este mensaje tiene varios.
delivery-time-no-time-zone = No conocemos la zona horaria del destinatario. Añada a su registro una zona horaria, una dirección completa o un teléfono con el código del país.

## Lo que pueden ver los destinatarios

altered-link-title = Este enlace fue modificado en el camino
altered-link-text = Su programa de correo o un filtro de seguridad modificó el enlace, y no podemos saber adónde lleva. Por eso no lo hemos enviado a ningún sitio.
altered-link-go = Ir a la dirección que escribió el remitente
altered-link-unknown = Abra el enlace desde el mensaje original o pida la dirección al remitente.
withdrawn-link-title = Este enlace ya no funciona
withdrawn-link-text = El servicio del remitente lo ha retirado. Pida un enlace nuevo al remitente.
unknown-link-title = Este enlace no está completo
unknown-link-text = Falta una parte o se cambió por el camino. Ábralo desde el mensaje original.
gone-file-title = Este archivo ya no se comparte
gone-file-text = El enlace ha caducado o el remitente ha retirado el archivo. Pídaselo al remitente.
unavailable-file-title = El archivo no se puede abrir ahora
unavailable-file-text = Inténtelo de nuevo en un minuto.

## Qué pasó con un mensaje

event-open = Abierto
event-click = Clic en un enlace
event-attachment-view = Adjunto visto
event-reply = Respondido
event-image = Imagen cargada
event-auto-reply = Respuesta automática
event-bounce = No se pudo entregar
event-withdrawn = Adjunto retirado
event-data-removed = Datos personales eliminados
event-inferred = Abierto, como muestra un clic o una respuesta posterior
event-returns-on = De vuelta el { $date }.

## Quién causó un evento y cómo lo sabemos

by-person = Una persona
by-machine = Automático
verdict-head-request = Un programa comprobó la dirección sin cargarla.
verdict-prefetch = Se cargó por adelantado, antes de que alguien lo pidiera.
verdict-no-agent = El programa no dijo cuál es. Los navegadores y los programas de correo lo dicen.
verdict-program = Lo solicitó un programa, no un navegador ni un programa de correo.
verdict-headless = Se cargó en un navegador que funciona sin pantalla.
verdict-crawler = Lo visitó un buscador, un monitor u otro robot.
verdict-link-preview = Una aplicación de chat o red social lo visitó para mostrar una vista previa del enlace.
verdict-security-scanner = Lo revisó un analizador de seguridad.
verdict-gmail-prefetch = Gmail lo cargó por adelantado, antes de que se abriera el mensaje.
verdict-apple-privacy = Lo cargó la protección de la privacidad de Mail, de Apple. No se puede saber si el mensaje se abrió.
verdict-before-delivery = Ocurrió antes de que se entregara el mensaje; por tanto, fue un analizador.
verdict-own-open = Vino de una de las redes de su propia organización.
verdict-burst = Se siguieron varios enlaces en unos segundos, como hacen los analizadores.
verdict-same-scanner = El programa que lo abrió siguió los enlaces en unos segundos, como hacen los analizadores.
verdict-fetched-again = Alguien de otra red había seguido el mismo enlace segundos antes: se cuenta una sola vez.
verdict-seconds-after-delivery = Ocurrió a los pocos segundos de la entrega.
verdict-second-link = Se siguió otro enlace en unos segundos.
verdict-partial-request = Solo se pidió una parte, como hacen los analizadores.
verdict-image-proxy = El servicio de correo cargó las imágenes para quien leía; por eso no se conocen el dispositivo ni el lugar.
verdict-automatic-answer = Un programa respondió en su lugar, como cuando alguien está ausente.
verdict-delivery-report = Un servidor de correo informó de que no pudo entregar el mensaje.

## En qué estado está un mensaje

status-draft = Borrador
status-accepted = Aceptado
status-scheduled = Programado
status-sending = Enviándose
status-sent = Enviado
status-partly-sent = Enviado en parte
status-failed = No enviado
status-cancelled = Cancelado
scheduled-for = Se enviará:

## Por qué no se envió un mensaje

failure-mailbox-unknown = El buzón { $address } no existe, o ya no existe. Compruebe la dirección del remitente o pida a un responsable que dé el mensaje a otro vendedor; después, inténtelo de nuevo.
failure-mailbox-out-of-scope = El buzón { $address } no está en el ámbito de la aplicación. Pida a su administrador que lo incluya.
failure-mailbox-full = El buzón { $address } está lleno. Libere espacio e inténtelo de nuevo. No se envió nada.
failure-sending-blocked = Microsoft 365 no deja enviar a { $address }: se alcanzó un límite o la cuenta está bloqueada. Pida a su administrador que lo revise e inténtelo de nuevo. No se envió nada.
failure-recipient-refused = { $who-count ->
    [one] El servidor de correo rechazó al destinatario { $who }. Compruebe la dirección y envíe de nuevo.
   *[other] El servidor de correo rechazó a los destinatarios { $who }. Compruebe las direcciones y envíe de nuevo.
}
failure-message-too-large = El mensaje es demasiado grande para el servidor de correo. Quite o reduzca adjuntos e imágenes y envíelo de nuevo.
failure-may-have-been-sent = La conexión se cortó durante el envío, y es posible que el mensaje se haya enviado. Mire en Elementos enviados antes de enviarlo de nuevo.
failure-cannot-follow = El mensaje ya no se puede seguir, y usted pidió enviarlo solo si se podía. No se envió nada.
failure-attachments-too-large = El mensaje ya no se puede seguir, y sus archivos son demasiado grandes para viajar en él (más de { $limit }). No se envió nada. Quite archivos o compártalos de otro modo.
failure-drive-unknown = { $address } no tiene OneDrive, o no se encuentra. Pida al administrador una licencia u otro lugar para los archivos seguidos.
failure-drive-full = El OneDrive de { $address } está lleno. Libere espacio e inténtelo de nuevo. No se envió nada.
failure-drive-out-of-scope = La aplicación no puede escribir en el OneDrive de { $address }. Pida al administrador que lo permita. No se envió nada.
failure-file-refused = OneDrive no acepta el archivo { $name }. Cámbiele el nombre o adjúntelo sin seguirlo. No se envió nada.
failure-file-lost = Un archivo de este mensaje ya no está en el almacenamiento. Adjúntelo otra vez y envíe el mensaje de nuevo. No se envió nada.
failure-content-lost = El texto de este mensaje ya no está en el almacenamiento. Escriba el mensaje de nuevo. No se envió nada.
failure-conversation-not-found = El correo que este mensaje debía responder no está en el buzón { $address }. No se envió nada. Envíelo como mensaje nuevo.
failure-graph-unavailable = Microsoft 365 no respondió durante mucho tiempo y dejamos de intentarlo. No se envió nada. Inténtelo de nuevo.
failure-graph-refused = Microsoft 365 rechazó el mensaje ({ $code }). No se envió nada. Inténtelo de nuevo; si vuelve a ocurrir, dé este código a su administrador.
failure-some-not-sent = { $count ->
    [one] Una de las copias no se envió; abajo se indica el destinatario.
   *[other] { $count } de las copias no se enviaron; abajo se indican los destinatarios.
}
failure-unexpected = Algo falló de nuestro lado y el mensaje no se envió. Inténtelo de nuevo. Si vuelve a ocurrir, avise a su administrador.

## Páginas: lo que las rodea

product = Seguimiento de correos
skip-to-content = Ir al contenido
sign-out = Cerrar sesión
trail = Usted está aquí
pager = Más páginas
newest = Más recientes
older = Más antiguos
to-the-start = Volver al principio
further = Siguientes
times-in-utc = Las horas están en UTC.
times-in = Las horas son las de { $name } ({ $zone }).
in-all = en total
not-followed = Sin seguimiento
no-subject = (sin asunto)
approximation = Estos números son lo que se vio, una aproximación de lo que hicieron las personas: los programas de correo pueden bloquear o guardar imágenes, y los analizadores también abren mensajes y enlaces.
engagement-is-off = El seguimiento de correos está desactivado; por eso no se recopila nada y aquí no se muestra nada. Lo recopilado antes se conserva y vuelve cuando un administrador lo active de nuevo.

## La lista de mensajes

messages-title = Mensajes con seguimiento
messages-title-all = Todos los mensajes
column-subject = Asunto
column-recipients = Destinatarios
column-sent = Envío
column-status = Estado
column-opens = Aperturas
column-openers = Personas que abrieron
column-first-opened = Primera apertura
column-last-opened = Última apertura
column-attachment-views = Adjuntos vistos
column-link-clicks = Clics en enlaces
column-replies = Respuestas
filter-search = Asunto o destinatario
filter-status = Estado
filter-any-status = Cualquiera
filter-followed = Mensajes
filter-followed-only = Con seguimiento
filter-followed-all = Todos
filter-period = Período
filter-period-7 = Últimos 7 días
filter-period-30 = Últimos 30 días
filter-period-90 = Últimos 90 días
filter-period-365 = Últimos 365 días
filter-period-all = Cualquier fecha
filter-order = Orden
filter-apply = Mostrar
filter-clear = Quitar filtros
older-than-period = Mostrar mensajes más antiguos
empty-title = Todavía no hay mensajes con seguimiento
empty-title-all = Todavía no hay mensajes
empty-text = Envíe uno desde su CRM o con la API. Aparece aquí enseguida y, después, sus aperturas, clics en enlaces y respuestas.
empty-show-all = Mostrar también los mensajes sin seguimiento
empty-filtered-title = Ningún mensaje coincide
empty-filtered-text = Cambie lo que busca, elija un período más largo o quite los filtros.
empty-here-title = No hay mensajes aquí
empty-so-far-title = No se ha encontrado nada por ahora
empty-so-far-text = Hay mensajes más antiguos en los que aún no se ha buscado. Continúe en «Más antiguos».
too-many-title = Demasiados mensajes para buscar u ordenar
too-many-text = Hay más de 10 000 mensajes en este período. Elija uno más corto.

## La página de un mensaje

kpis-title = En números
not-yet = Todavía no
not-by-people = No por una persona
with-automated = Contando las automáticas:
failure-title = Este mensaje no se envió
send-now = Enviar ahora
cancel-sending = Cancelar el envío
said-too-late = No se cambió nada: el envío ya había comenzado o terminado.
said-not-like-this = Así no se puede enviar ahora. Revise el remitente, los destinatarios y los archivos, cámbielo e inténtelo de nuevo.
try-again = Intentar de nuevo
give-to = Dárselo a otro vendedor (su dirección)
give = Dar
said-no-seller = No se cambió nada: no es un buzón de su organización que pueda enviar. Elija otra dirección.
said-given = Ahora es de { $seller }.
said-given-failed = Ahora es de { $seller }, que puede intentar enviarlo de nuevo.
not-followed-title = Este mensaje no tiene seguimiento
timeline-title = Cronología
timeline-choices = Qué eventos mostrar
timeline-include = Todo
timeline-exclude = Solo personas
timeline-only = Solo automáticos
timeline-one-copy = Todos los destinatarios recibieron la misma copia; por eso no se sabe cuál de ellos fue.
timeline-empty = Todavía no se ha visto nada. Cuando alguien abra el mensaje o haga clic en un enlace, se verá aquí.
timeline-empty-here = Aquí no hay nada más.
timeline-empty-not-followed = No se recopila nada, porque el mensaje no tiene seguimiento.
timeline-empty-not-sent = El mensaje todavía no se ha enviado.
timeline-empty-failed = El mensaje no se envió; por tanto, nadie puede haberlo abierto.
timeline-empty-draft = Es un borrador; todavía no se ha enviado nada.
timeline-empty-cancelled = El mensaje se canceló y no se envió.
timeline-empty-people = Todavía no se ha visto nada hecho por una persona.
timeline-empty-automated = No se ha visto nada automático.
device-desktop = en una computadora
device-phone = en un teléfono
device-tablet = en una tableta
people-title = Personas
details-title = Detalles
detail-from = De
detail-seller = Vendedor
detail-to = Para
detail-cc = Copia (CC)
detail-bcc = Copia oculta (CCO)
detail-regarding = Referente a
detail-accepted = Aceptado
detail-scheduled = Se enviará
detail-scheduled-local = { $time }, zona horaria { $zone }
time-of-recipient = { $time } para el destinatario ({ $zone })
detail-sent = Enviado
detail-reminder = Recordatorio
reminder-fired = Se le recordó
reminder-no-reply-by = si nadie ha respondido hasta entonces
reminder-not-opened-by = si nadie lo ha abierto hasta entonces
reminder-anyway = en cualquier caso
reminder-replied = Ninguno: alguien respondió.
reminder-opened = Ninguno: alguien abrió el mensaje.
reminder-failed = Ninguno: el mensaje no se envió.
reminder-cancelled = Ninguno: se canceló el envío.
reminder-not-followed = Ninguno: el mensaje no se sigue.
reminder-not-collected = Ninguno: el seguimiento estuvo desactivado un tiempo, y nadie sabe qué ocurrió entonces.
reminder-engagement-off = Ninguno: el seguimiento está desactivado.
reminder-assistant-off = Ninguno: el asistente estuvo desactivado.
files-title = Archivos adjuntos
file-not-followed = Adjunto, sin seguir
file-to-follow = Se seguirá
file-waiting = De camino a OneDrive
file-stored = En OneDrive
file-until = Se puede abrir hasta el { $day }
file-leaving = Retirado
file-gone = Retirado
file-refused = No se pudo guardar en OneDrive
links-title = Enlaces del mensaje
link-too-long = Sin seguimiento: la dirección es demasiado larga.
link-opt-out = Sin seguimiento: así lo pide el mensaje.

## Las tarjetas del asistente

cards-title = Asistente
cards-notify = Avisarme en este navegador
cards-none-title = Nada nuevo
cards-none-text = Cuando alguien abra lo que usted envió, cuando venza un recordatorio o un mensaje no se haya podido enviar, lo verá aquí.
card-opened = Abierto
card-reminder-due = Recordatorio
card-failed = No enviado
card-bounced = No se pudo entregar
card-clicked = Enlace visitado
card-attachment-viewed = Archivo visto
card-replied = Respondido
card-opened-again = Abierto de nuevo
card-urgent = Importante
# Lo que se dice de una tarjeta nueva, en voz alta o como aviso.
card-said = { $what }: { $subject } ({ $who })
card-snooze-hour = Posponer una hora
card-snooze-day = Posponer un día
card-dismiss = Descartar
card-put-away = La tarjeta se ha guardado.
card-undo = Deshacer

## Cuando una página no se puede mostrar

problem-403-title = Usted no tiene acceso aquí
problem-403-text = Ha iniciado sesión, pero nadie le ha dado un rol en este servicio. Pídalo a su administrador, o cierre la sesión y entre como otra persona.
problem-404-title = Aquí no hay nada
problem-404-text = La dirección puede estar mal escrita o ser de otra organización.
problem-422-title = Esta dirección no se puede leer
problem-422-text = Una parte está dañada o ya no es válida. Empiece de nuevo desde la lista de mensajes.
problem-500-title = Algo falló de nuestro lado
problem-500-text = Inténtelo de nuevo. Si vuelve a ocurrir, dé este número de incidente a su administrador.
problem-503-title = No disponible en este momento
problem-503-text = Una parte del servicio no responde. Inténtelo de nuevo en un momento; no se ha perdido nada.
problem-sign-in-off-title = Todavía no se puede iniciar sesión
problem-sign-in-off-text = El inicio de sesión no está configurado para este servicio. Un administrador puede activar la autenticación de App Service.
problem-incident = Incidente
problem-again = Intentar de nuevo
problem-home = Ir a sus mensajes
